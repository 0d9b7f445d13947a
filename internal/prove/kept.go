package prove

import (
	"encoding/json"
	"fmt"
	"os"

	"ethorder/internal/engine"
)

// Numbers returns the numbers that the engine has stored of a container's
// attachments, given the container's id. The keys are the engine's own: the networks'
// names, and until the next start the id, long or short, that a network was attached by.
func Numbers(e *engine.Engine, id string) (map[string]uint64, error) {
	path := e.SettingsFile(id)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var kept struct {
		NetworkSettings struct {
			Networks map[string]struct{ AttachSequence uint64 }
		}
	}
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	numbers := make(map[string]uint64)
	for key, settings := range kept.NetworkSettings.Networks {
		numbers[key] = settings.AttachSequence
	}
	return numbers, nil
}
