package compose

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"ethorder/internal/tool"
)

// findFiles returns the files that Compose takes if it is given none.
func findFiles() (files []string, err error) {
	if list := os.Getenv("COMPOSE_FILE"); list != "" {
		return strings.Split(list, cmp.Or(os.Getenv("COMPOSE_PATH_SEPARATOR"), ":")), nil
	}
	for dir := "."; ; dir = filepath.Join(dir, "..") {
		for _, names := range [][]string{
			{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"},
			{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"},
		} {
			there := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
			if i := slices.IndexFunc(names, there); i >= 0 {
				if env := filepath.Join(dir, ".env"); namesFiles(env) {
					return nil, tool.Usagef("%s has COMPOSE_FILE, which is not read here: name the files with -f", env)
				}
				files = append(files, filepath.Join(dir, names[i]))
			} else if files == nil {
				break // an override alone is nothing
			}
		}
		if path, err := filepath.Abs(dir); files != nil || err != nil {
			return files, err
		} else if path == filepath.Dir(path) {
			return nil, tool.Usagef("no compose.yaml, compose.yml, docker-compose.yml or docker-compose.yaml here or in a folder above; name the file with -f")
		}
	}
}

var composeFile = regexp.MustCompile(`(?m)^\s*(export\s+)?COMPOSE_FILE\s*=`)

// namesFiles reports whether a .env file says which files Compose takes.
func namesFiles(env string) bool {
	text, _ := os.ReadFile(env) // there may be none
	return composeFile.Match(text)
}

// load returns the services of files that are merged, with what they extend.
func load(paths []string) (*value, error) {
	merged := &value{}
	for _, path := range paths {
		file, err := readYAML(path)
		if err != nil {
			return nil, err
		}
		if include := file.get("include"); include.kind != 0 {
			return nil, fmt.Errorf("%s: include is not supported: take it out, and give its files with -f before %s, here and to docker compose", include.at, path)
		}
		services, err := servicesOf(file)
		if err != nil {
			return nil, err
		}
		extended := &value{kind: yaml.MappingNode}
		for _, name := range services.keys {
			// Paths are relative to the folder of the first file.
			service, err := extend(services, name, path, filepath.Dir(paths[0]), nil)
			if err != nil {
				return nil, err
			}
			extended.put(name, service)
		}
		merged = merge(reset(merged, services), extended)
	}
	return merged, nil
}

// servicesOf returns the services of a file. It turns lists of networks into mappings.
func servicesOf(file *value) (*value, error) {
	services := file.get("services")
	for _, name := range services.keys {
		networks := services.get(name, "networks")
		for _, item := range networks.items {
			networks.kind = yaml.MappingNode
			networks.put(item.text, &value{at: item.at})
		}
		networks.items = nil
		for _, network := range networks.keys {
			if strings.Contains(network, "$") {
				return nil, fmt.Errorf("%s: service %s: write the name of the network instead of %s, whose value is not known here", networks.of[network].at, name, network)
			}
		}
	}
	return services, nil
}

// extend returns a service of a file with what it extends, and without resets. Paths in the
// file are relative to dir.
func extend(services *value, name, path, dir string, seen []string) (*value, error) {
	service := services.of[name]
	extends := service.get("extends")
	if extends.kind == 0 {
		return merge(&value{}, service), nil
	}
	base, from := extends.text+extends.get("service").text, extends.get("file").text
	this := path + " " + name
	switch {
	case base == "" || strings.Contains(base+from, "$"):
		return nil, fmt.Errorf("%s: service %s: extends must name a service, without variables", extends.at, name)
	case slices.Contains(seen, this):
		return nil, fmt.Errorf("%s: service %s extends itself", extends.at, name)
	case from != "":
		if !filepath.IsAbs(from) {
			from = filepath.Join(dir, from)
		}
		file, err := readYAML(from)
		if err == nil {
			services, err = servicesOf(file)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: service %s extends one of another file: %w", extends.at, name, err)
		}
		path, dir = from, filepath.Dir(from)
	}
	if services.of[base] == nil {
		return nil, fmt.Errorf("%s: service %s extends %s, which is not in %s", extends.at, name, base, path)
	}
	extended, err := extend(services, base, path, dir, append(seen, this))
	if err != nil {
		return nil, err
	}
	return merge(reset(extended, service), service), nil
}
