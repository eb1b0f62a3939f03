package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestTurns: every phase against every turn; what is not named is a bug that the pump does not hide.
func TestTurns(t *testing.T) {
	allowed := map[phase]map[turn]phase{
		opening:  {opened: running, fail: failed},
		running:  {hungUp: dying, except: raised, agree: complete, fail: failed},
		dying:    {outlive: killed, fail: failed},
		killed:   {fail: failed},
		raised:   {fail: raised},
		failed:   {fail: failed},
		complete: {fail: failed},
	}
	for from := opening; from <= complete; from++ {
		for turn := opened; turn <= agree; turn++ {
			p := progress{phase: from}
			next, ok := allowed[from][turn]
			if !ok {
				assert.PanicsWithValue(t, "pump: "+turn.String()+" while "+from.String(), func() { p.take(turn) })
				assert.Equal(t, from, p.phase, "%v while %v", turn, from)
				continue
			}
			p.take(turn)
			assert.Equal(t, next, p.phase, "%v while %v", turn, from)
		}
	}
}

// TestPhasesBeginOnce: the times that bound a death and the wait for a process id count from their first event.
func TestPhasesBeginOnce(t *testing.T) {
	for _, turns := range [][2]turn{{hungUp, outlive}, {except, fail}, {fail, fail}} {
		p := progress{phase: running}
		p.take(turns[0])
		since := p.since
		assert.False(t, since.IsZero())
		p.take(turns[1])
		assert.Equal(t, since, p.since, "%v", turns)
	}
	p := progress{phase: running}
	p.take(hungUp)
	since := p.since
	p.take(fail)
	assert.True(t, p.since.After(since), "the error of a death has its own time")
}

func TestPhasesThatListen(t *testing.T) {
	var listening []string
	for from := opening; from <= complete; from++ {
		if p := (progress{phase: from}); p.listens() {
			listening = append(listening, from.String())
		}
	}
	assert.Equal(t, []string{"opening", "running", "complete"}, listening)
}
