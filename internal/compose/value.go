package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"

	"ethorder/internal/tool"
)

// A value is a YAML value without aliases and merge keys. A mapping keeps the order of the
// file, which a Go map would lose. The zero value is null.
type value struct {
	kind  yaml.Kind // 0 for null
	tag   string
	at    string   // FILE:LINE
	text  string   // of a scalar
	items []*value // of a sequence
	keys  []string // of a mapping, in order
	of    map[string]*value
}

func readYAML(path string) (*value, error) {
	from := path
	if path == "-" { // as for docker compose
		from = "/dev/stdin"
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return nil, &tool.Exit{Status: tool.Usage, Err: err}
	}
	var node, more yaml.Node
	var all any
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err = decoder.Decode(&node); errors.Is(err, io.EOF) {
		return &value{}, nil
	}
	if err == nil {
		err = node.Decode(&all) // finds double keys, and anchors that contain themselves
	}
	if err == nil && !errors.Is(decoder.Decode(&more), io.EOF) {
		err = errors.New("want one YAML document")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return newValue(path, node.Content[0]), nil
}

func newValue(path string, n *yaml.Node) *value {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		return &value{}
	}
	v := &value{kind: n.Kind, tag: n.Tag, at: fmt.Sprintf("%s:%d", path, n.Line), text: n.Value}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			v.items = append(v.items, newValue(path, item))
		}
		return v
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, child := newValue(path, n.Content[i]), newValue(path, n.Content[i+1])
		if key.tag != "!!merge" {
			child.at = key.at
			v.put(key.text, child)
			continue
		}
		for _, from := range append(child.items, child) {
			for _, name := range from.keys {
				if v.of[name] == nil {
					v.put(name, from.of[name])
				}
			}
		}
	}
	return v
}

// get returns the value behind keys, null if there is none.
func (v *value) get(keys ...string) *value {
	for _, key := range keys {
		if v = v.of[key]; v == nil {
			return &value{}
		}
	}
	return v
}

// put sets the value behind a key, which keeps its place if it is there.
func (v *value) put(key string, child *value) {
	if v.of == nil {
		v.of = make(map[string]*value)
	}
	if v.of[key] == nil {
		v.keys = append(v.keys, key)
	}
	v.of[key] = child
}

// reset returns base without what over replaces by Compose's tags !reset and !override.
func reset(base, over *value) *value {
	if base.kind != yaml.MappingNode {
		return base
	}
	kept := &value{kind: base.kind}
	for _, key := range base.keys {
		switch child := over.get(key); child.tag {
		case "!reset":
		case "!override":
			kept.put(key, &value{}) // keeps its place
		default:
			kept.put(key, reset(base.of[key], child))
		}
	}
	return kept
}

// merge returns base with over laid on it, as Compose lays files and services on each other:
// new keys come behind those of base. It leaves out what has the tag !reset.
func merge(base, over *value) *value {
	switch over.kind {
	case 0:
		return base
	case yaml.ScalarNode:
		return over
	}
	merged := &value{kind: over.kind, at: over.at, items: slices.Concat(base.items, over.items)}
	for _, key := range base.keys {
		merged.put(key, base.of[key])
	}
	for _, key := range over.keys {
		if child := over.of[key]; child.tag != "!reset" {
			merged.put(key, merge(merged.get(key), child))
		}
	}
	return merged
}
