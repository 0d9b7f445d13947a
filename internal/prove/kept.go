package prove

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"ethorder/internal/engine"
)

// Option is the driver option of an endpoint that gives its network an explicit number.
const Option = "com.docker.network.endpoint.attachsequence"

// Numbers returns the numbers that the engine has stored of a container's
// attachments, given the container's id: the explicit ones and its own, 0 for a network
// that has none. The keys are the engine's own: the networks' names, and until the next
// start the id, long or short, that a network was attached by.
func Numbers(e *engine.Engine, id string) (map[string]uint64, error) {
	path := e.SettingsFile(id)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	numbers, err := numbersIn(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return numbers, nil
}

func numbersIn(file []byte) (map[string]uint64, error) {
	var kept struct {
		NetworkSettings struct {
			Networks map[string]struct {
				NetworkID  string
				DriverOpts map[string]string
			}
			AttachSequences map[string]uint64
		}
	}
	if err := json.Unmarshal(file, &kept); err != nil {
		return nil, err
	}
	settings := kept.NetworkSettings
	numbers := make(map[string]uint64)
	for key, network := range settings.Networks {
		numbers[key] = settings.AttachSequences[key]
		if numbers[key] == 0 {
			// A start has replaced the id by the name, but not yet in the numbers.
			numbers[key] = settings.AttachSequences[network.NetworkID]
		}
		if n, err := strconv.ParseUint(network.DriverOpts[Option], 10, 32); err == nil && n > 0 {
			numbers[key] = n
		}
	}
	return numbers, nil
}
