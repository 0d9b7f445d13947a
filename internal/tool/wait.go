package tool

import (
	"context"
	"fmt"
	"time"
)

// Wait calls try until it returns nil: at once, and again an interval after each error. The
// context that try gets ends at the timeout. The error of Wait then has the last error of try, and
// names what was waited for: "waited 1m0s for the swarm to settle: …". If ctx ends, Wait returns
// the error of ctx, and if try returns StopWaiting(err), it returns err.
func Wait(ctx context.Context, timeout, interval time.Duration, what string, try func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last error
	for {
		err := try(limited)
		if err == nil {
			return nil
		}
		stop, stopped := err.(*stopWaiting)
		if stopped {
			err = stop.err
		}
		inTime := limited.Err() == nil
		if stopped && inTime {
			return err
		}
		if inTime || last == nil { // else it is the timeout that made try fail
			last = err
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("waited %v for %s: %w", timeout, what, last)
		case <-time.After(interval):
		}
	}
}

// StopWaiting returns an error that ends Wait at once, because to try again makes no difference. It
// returns nil for nil.
func StopWaiting(err error) error {
	if err == nil {
		return nil
	}
	return &stopWaiting{err}
}

type stopWaiting struct{ err error }

func (s *stopWaiting) Error() string { return s.err.Error() }
