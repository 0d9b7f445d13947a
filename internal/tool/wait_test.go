package tool

import (
	"context"
	"errors"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

var errNotYet = errors.New("not yet")

func TestWaitTriesAgainAfterAnError(t *testing.T) {
	tries := 0
	assert.NilError(t, Wait(ctx, time.Minute, time.Millisecond, "it", func(context.Context) error {
		if tries++; tries < 4 {
			return errNotYet
		}
		return nil
	}))
	assert.Equal(t, tries, 4)
}

func TestWaitEndsAtItsTimeout(t *testing.T) {
	err := Wait(ctx, 20*time.Millisecond, time.Hour, "the swarm to settle", func(context.Context) error { return errNotYet })
	assert.Error(t, err, "waited 20ms for the swarm to settle: not yet")
	assert.ErrorIs(t, err, errNotYet)
}

// The error of a try that the timeout ended does not say what was missing.
func TestWaitEndsATryAtItsTimeout(t *testing.T) {
	tries := 0
	assert.Error(t, Wait(ctx, 500*time.Millisecond, time.Millisecond, "it", func(ctx context.Context) error {
		if tries++; tries == 1 {
			return errNotYet
		}
		<-ctx.Done()
		return StopWaiting(ctx.Err())
	}), "waited 500ms for it: not yet")
	assert.Equal(t, tries, 2)
}

func TestWaitEndsWithItsContext(t *testing.T) {
	stopped, stop := context.WithCancel(ctx)
	err := Wait(stopped, time.Minute, time.Hour, "it", func(context.Context) error {
		stop()
		return errNotYet
	})
	assert.Equal(t, err, context.Canceled)
}

func TestStopWaitingEndsAWait(t *testing.T) {
	tries := 0
	err := Wait(ctx, time.Minute, time.Millisecond, "it", func(context.Context) error {
		tries++
		return StopWaiting(errNotYet)
	})
	assert.Equal(t, err, errNotYet)
	assert.Equal(t, tries, 1)
	assert.NilError(t, StopWaiting(nil))
}
