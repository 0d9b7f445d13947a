package trial

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"ethorder"

	"ethorder/internal/engine"
)

// Numbers returns the numbers that the engine has stored of a container's attachments,
// given the container's id: the explicit ones and its own, 0 for a network that has none.
// The keys are the engine's own: the networks' names, and until the next start the id, long
// or short, that a network was attached by. Ids that are keys of names are replaced.
func Numbers(e *engine.Engine, id string, names map[string]string) (map[string]uint64, error) {
	path := e.SettingsFile(id)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	numbers, err := StoredNumbers(data, names)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return numbers, nil
}

// StoredNumbers returns the numbers in the file that the engine keeps of a container, as Numbers
// does.
func StoredNumbers(file []byte, names map[string]string) (map[string]uint64, error) {
	var kept struct {
		NetworkSettings struct {
			Networks map[string]struct {
				NetworkID  string
				DriverOpts map[string]string
			}
			AttachSequences map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(file, &kept); err != nil {
		return nil, err
	}
	settings := kept.NetworkSettings
	name := func(key string) string { return cmp.Or(names[key], key) }
	// Where the settings have a network under its name, the engine may still have its
	// number under its id.
	own := make(map[string]uint64)
	for key, text := range settings.AttachSequences {
		if n, err := strconv.ParseUint(string(text), 10, 64); err == nil { // else it is as good as none
			own[name(key)] = n
		}
	}
	numbers := make(map[string]uint64)
	for key, network := range settings.Networks {
		n := cmp.Or(own[name(key)], own[network.NetworkID])
		numbers[name(key)] = cmp.Or(ExplicitNumber(network.DriverOpts), n)
	}
	return numbers, nil
}

// ExplicitNumber returns the number that the driver options of an endpoint give, or 0 if they
// give none that can be used.
func ExplicitNumber(driverOpts map[string]string) uint64 {
	n, _ := ethorder.ExplicitAttachSequence(driverOpts)
	return n
}
