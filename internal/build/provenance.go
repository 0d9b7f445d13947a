package build

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/in-toto/in-toto-golang/in_toto/slsa_provenance/common"
	slsa "github.com/in-toto/in-toto-golang/in_toto/slsa_provenance/v1"

	"ethorder/internal/patch"
	"ethorder/internal/repo"
	"ethorder/internal/source"
	"ethorder/internal/tool"
)

// What lies beside a dockerd, apart from its checksum.
const (
	provenanceFile = "provenance.json"
	seriesFile     = "series.mbox" // the applied patches, for git am
)

// provenanceForm is part of every stamp: raise it when a provenance comes to say more.
const provenanceForm = "1"

// libraryFiles are the files of the C library and gcc of which parts, or versions of symbols, get
// into a binary.
var libraryFiles = []string{"Scrt1.o", "crti.o", "libc.so.6", "libc_nonshared.a", "libgcc.a"}

// statement is an in-toto statement with a SLSA provenance, unsigned. It has no time and no
// path of the machine, so that builds of the same inputs have the same one.
type statement struct {
	Type          string                    `json:"_type"`
	Subject       []slsa.ResourceDescriptor `json:"subject"`
	PredicateType string                    `json:"predicateType"`
	Predicate     slsa.ProvenancePredicate  `json:"predicate"`
}

// provenance writes the provenance of bin beside it, and the patches of a patched engine.
// It returns the paths of what it has written.
func (b builder) provenance(ctx context.Context, root repo.Root, o Options, bin string) (files []string, err error) {
	sum, err := repo.HashFile(bin)
	if err != nil {
		return nil, err
	}
	internal := map[string]string{"go": b.rel.Toolchain, "flags": stampFlags(b.flags)}
	build := slsa.ProvenanceBuildDefinition{
		BuildType:            "urn:ethorder:build:1",
		ExternalParameters:   map[string]string{"release": b.rel.Name, "version": b.version, "tags": b.tags},
		InternalParameters:   internal,
		ResolvedDependencies: []slsa.ResourceDescriptor{stockSource(root, o)},
	}
	run := slsa.ProvenanceRunDetails{Builder: slsa.Builder{ID: "urn:ethorder:builder:1"}}
	if !o.Stock {
		mbox := filepath.Join(filepath.Dir(bin), seriesFile)
		patches, err := writeSeries(root, b.rel.Line, mbox, internal)
		if err != nil {
			return nil, err
		}
		files = append(files, mbox)
		build.ResolvedDependencies = append(build.ResolvedDependencies, patches...)
	}
	compilers, err := b.compilers(ctx, internal)
	if err != nil {
		return nil, err
	}
	build.ResolvedDependencies = append(build.ResolvedDependencies, compilers...)
	if o.Image != "" {
		build.ResolvedDependencies = append(build.ResolvedDependencies, baseOf(o.Image))
	}
	text, err := json.MarshalIndent(statement{
		Type: "https://in-toto.io/Statement/v1", Subject: []slsa.ResourceDescriptor{resource("dockerd", sum)},
		PredicateType: slsa.PredicateSLSAProvenance, Predicate: slsa.ProvenancePredicate{BuildDefinition: build, RunDetails: run},
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(filepath.Dir(bin), provenanceFile)
	return append(files, file), os.WriteFile(file, append(text, '\n'), 0o644)
}

// resource describes a file by its SHA-256.
func resource(name, sum string) slsa.ResourceDescriptor {
	return slsa.ResourceDescriptor{Name: name, Digest: map[string]string{"sha256": sum}}
}

// stockSource describes the stock tree. The digest of the tree covers what is vendored, too.
func stockSource(root repo.Root, o Options) slsa.ResourceDescriptor {
	rel := o.Release
	r := slsa.ResourceDescriptor{
		Name:        "moby",
		Digest:      map[string]string{},
		Annotations: map[string]any{"tree": repo.ReadStamp(source.Dir(root, rel))[repo.SealKey]},
	}
	if source.Kind(rel, o.Clone) == "git" {
		r.Digest["gitCommit"] = rel.Commit
		r.URI = "git+https://github.com/moby/moby@refs/tags/" + rel.Tag
		return r
	}
	r.URI = "pkg:golang/" + rel.Module + "@" + url.QueryEscape(rel.Version)
	// in-toto has the h1 of go.sum under this name, in hexadecimal.
	if h1, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(rel.Sum, "h1:")); err == nil {
		r.Digest["dirHash"] = hex.EncodeToString(h1)
	}
	return r
}

// writeSeries writes the patches of a line to mbox, one after the other, and describes them.
func writeSeries(root repo.Root, line, mbox string, internal map[string]string) (patches []slsa.ResourceDescriptor, err error) {
	s, err := patch.Load(root, line)
	if err != nil {
		return nil, err
	}
	internal["line"] = line
	if internal["series"], err = s.Digest(); err != nil {
		return nil, err
	}
	var all []byte
	for _, p := range s.Patches {
		text, err := os.ReadFile(s.Path(p))
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
		patches = append(patches, resource(root.Rel(s.Path(p)), repo.HashBytes(text)))
	}
	return patches, os.WriteFile(mbox, all, 0o644)
}

// compilers describes the programs that compile and link, and the C libraries.
func (b builder) compilers(ctx context.Context, internal map[string]string) (all []slsa.ResourceDescriptor, err error) {
	gocmd, err := tool.Go(ctx, b.rel.Toolchain)
	if err != nil {
		return nil, err
	}
	ask := func(name string, command ...string) (string, error) {
		out, err := tool.Run(ctx, tool.Cmd{Dir: "/", Env: goEnv, What: "ask for " + name, Args: command})
		first, _, _ := strings.Cut(out, "\n")
		return first, err
	}
	if internal["cc"], err = ask("the version of gcc", "gcc", "--version"); err != nil {
		return nil, err
	}
	find := [][]string{
		{"compile", gocmd, "tool", "-n", "compile"}, {"link", gocmd, "tool", "-n", "link"},
		{"cc1", "gcc", "-print-prog-name=cc1"}, {"as", "gcc", "-print-prog-name=as"}, {"ld", "gcc", "-print-prog-name=ld"},
	}
	for _, library := range libraryFiles {
		find = append(find, []string{library, "gcc", "-print-file-name=" + library})
	}
	for _, f := range find {
		path, err := ask(f[0], f[1:]...)
		if err != nil {
			return nil, err
		}
		if found, err := exec.LookPath(path); err == nil {
			path = found // gcc leaves some programs to the PATH
		}
		sum, err := repo.HashFile(path)
		if err != nil {
			return nil, fmt.Errorf("provenance: %w", err)
		}
		all = append(all, resource(f[0], sum))
	}
	return all, nil
}

// baseOf describes the image in which a build runs, given a name with or without a digest.
func baseOf(image string) slsa.ResourceDescriptor {
	r := slsa.ResourceDescriptor{Name: "base", URI: "docker:" + image}
	if _, digest, ok := strings.Cut(image, "@sha256:"); ok {
		r.Digest = map[string]string{"sha256": digest}
	}
	return r
}

const buildTags = "build tags"

// inputs returns what the provenance beside a dockerd says of its inputs: their digests, by
// name, and the build tags.
func inputs(bin string) (map[string]common.DigestSet, error) {
	file := filepath.Join(filepath.Dir(bin), provenanceFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var s statement
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	parameters, _ := s.Predicate.BuildDefinition.ExternalParameters.(map[string]any)
	tags, _ := parameters["tags"].(string)
	all := map[string]common.DigestSet{buildTags: {buildTags: tags}}
	for _, r := range s.Predicate.BuildDefinition.ResolvedDependencies {
		all[r.Name] = r.Digest
	}
	return all, nil
}
