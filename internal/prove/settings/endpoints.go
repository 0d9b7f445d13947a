package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"ethorder/internal/engine"
	"ethorder/internal/prove"
)

// endpoints is about the store in which libnetwork keeps its endpoints, with their
// numbers up to 27.5. The daemon reads it when it finds a container that still runs.
func endpoints(ctx context.Context, l *prove.Lab) error {
	rounds := len(values) + trials*l.Scale
	trial := fmt.Sprintf("stored endpoints of a container that goes on without the daemon, changed %d times", rounds)
	return l.Both(ctx, trial, func(ctx context.Context, e *engine.Engine) (prove.Outcome, error) {
		random := rand.New(rand.NewPCG(l.Seed, 1))
		box := prove.MakeBox(ctx, e, strings.Join(networks, " "), "bravo")
		box.Start("first")
		wentOn := 0
		for round := range rounds {
			pid := box.Pid()
			value := func() string {
				if round < len(values) {
					return values[round] // equal numbers
				}
				return values[random.IntN(len(values))]
			}
			box.Try(func() error {
				return e.RestartAfter(ctx, func() error { return storeEndpoints(e, value) })
			})
			if box.Err != nil {
				break
			}
			box.Look("restored")
			if box.Pid() == pid {
				wentOn++
			}
			box.Connect("bravo")
			box.Look("after a hot connect")
			box.Disconnect("bravo")
			box.Do("restart --time 1 box")
			box.Look("restarted")
		}
		o, err := box.Outcome()
		o.What += fmt.Sprintf(", the container went on in %d of %d", wentOn, rounds)
		o.Held = o.Held && wentOn == rounds
		return o, err
	}, append([]string{"--live-restore"}, prove.NoFirewall...)...)
}

// storeEndpoints changes the number of each endpoint that an engine which does not run
// has stored. An empty value removes it.
func storeEndpoints(e *engine.Engine, value func() string) (err error) {
	path := e.Inside(filepath.Join(e.DataRoot(), "network", "files", "local-kv.db"))
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 10 * time.Second})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	stored := map[string][]byte{}
	err = db.Update(func(tx *bolt.Tx) error {
		// Behind the number of its revision, each value is JSON.
		const revision = 8
		bucket := tx.Bucket([]byte("libnetwork"))
		if bucket == nil {
			return errors.New("it has no bucket of libnetwork")
		}
		err := bucket.ForEach(func(k, v []byte) error {
			endpoint := map[string]json.RawMessage{}
			if !strings.Contains(string(k), "/endpoint/") || len(v) < revision {
				return nil
			}
			if err := json.Unmarshal(v[revision:], &endpoint); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
			delete(endpoint, "attachSequence")
			if number := value(); number != "" {
				endpoint["attachSequence"] = json.RawMessage(number)
			}
			data, err := json.Marshal(endpoint)
			stored[string(k)] = append(v[:revision:revision], data...)
			return err
		})
		for key, value := range stored {
			err = errors.Join(err, bucket.Put([]byte(key), value))
		}
		return err
	})
	if err == nil && len(stored) < len(networks) {
		err = fmt.Errorf("%d endpoints are stored, want %d", len(stored), len(networks))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
