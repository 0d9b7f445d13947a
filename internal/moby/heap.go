package moby

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"os"
	"path/filepath"

	"ethorder/internal/build"
	"ethorder/internal/patch"
	"ethorder/internal/pins"
	"ethorder/internal/repo"
	"ethorder/internal/tool"
)

//go:embed bench/*.go.txt
var benchEndpoints embed.FS

// BenchHeap runs the benchmarks of the heap inside the patched libnetwork of a release, on its own
// endpoints, and returns what they print. A release from 28.0 on has no heap.
func BenchHeap(ctx context.Context, root repo.Root, rel pins.Release, clone string) (string, error) {
	unlock, err := repo.Lock(ctx, root.Out(rel.Name))
	if err != nil {
		return "", err
	}
	defer unlock()
	tree, err := patch.Fetch(ctx, root, rel, clone)
	if err != nil {
		return "", err
	}
	dir := filepath.Join("vendor", "github.com", "docker", "libnetwork")
	if pins.Compare(rel.Name, "22.06") >= 0 {
		dir = "libnetwork"
	}
	if _, err := os.Stat(filepath.Join(tree, dir, "epheap.go")); err != nil {
		return "", tool.Usagef("%s has no heap of endpoints: name a release up to 27.5.1", rel.Name)
	}
	tmp, err := os.MkdirTemp("", "ethorder-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	files, err := benchFiles(root, filepath.Join(tree, dir))
	if err != nil {
		return "", err
	}
	overlay := map[string]map[string]string{"Replace": {}}
	w, err := build.OpenWorkspace(tree, tmp)
	if err != nil {
		return "", err
	}
	for name, text := range files {
		file := filepath.Join(tmp, name)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return "", err
		}
		overlay["Replace"][filepath.Join(w.Dir, dir, name)] = file
	}
	list := filepath.Join(tmp, "overlay.json")
	text, err := json.Marshal(overlay)
	if err == nil {
		err = os.WriteFile(list, text, 0o644)
	}
	if err != nil {
		return "", err
	}
	gocmd, err := tool.Go(ctx, rel.Toolchain)
	if err != nil {
		return "", err
	}
	// Vendored packages are in the language of their time, which has no generics.
	args := append([]string{gocmd, "test", "-vet=off", "-run=-", "-bench=Heap", "-gcflags=-lang=go1.21", "-overlay", list, "-tags", build.CheckTags}, w.Flags...)
	return tool.Run(ctx, tool.Cmd{
		Dir: w.Dir, Env: w.Env, What: "run the benchmarks of the heap in libnetwork of " + rel.Name, Args: append(args, "./"+dir),
	})
}

// benchFiles returns what the benchmarks add to a folder of libnetwork.
func benchFiles(root repo.Root, dir string) (map[string][]byte, error) {
	heap, err := os.ReadFile(filepath.Join(dir, "epheap.go"))
	if err != nil {
		return nil, err
	}
	bench, err := os.ReadFile(root.Path("bench_test.go"))
	if err != nil {
		return nil, err
	}
	bench = bytes.Replace(bench, []byte("package ethorder"), []byte("package libnetwork"), 1)
	if bytes.Contains(heap, []byte("attachHeap")) { // where epHeap is upstream's
		bench = bytes.ReplaceAll(bench, []byte("epHeap"), []byte("attachHeap"))
	}
	option, err := os.ReadFile(filepath.Join(dir, "attach_sequence.go"))
	if err != nil {
		return nil, err
	}
	endpoints := "bench/endpoint.go.txt"
	if bytes.Contains(option, []byte("endpoint = Endpoint")) {
		endpoints = "bench/exported.go.txt"
	}
	made, err := benchEndpoints.ReadFile(endpoints)
	return map[string][]byte{"heap_bench_test.go": bench, "heap_endpoint_test.go": made}, err
}
