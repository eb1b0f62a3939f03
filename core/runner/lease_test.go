package runner

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/datasection"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// scripted is the lease of a worker that is not there: the end of a socket, and what would be known of its process.
type scripted struct {
	socket *transport.Socket
	wake   *transport.Wake
	peer   int
	pid    bool
	gone   bool // it has ended
	late   bool // the task is expiring
	over   *status.Error
	kills  int
	polls  func() // before each wait
}

func (s *scripted) enter()                     {}
func (s *scripted) leave()                     {}
func (s *scripted) waits()                     {}
func (s *scripted) interrupted() *status.Error { return s.over }
func (s *scripted) expiring() bool             { return s.late && s.over == nil }
func (s *scripted) open() (*protocol.Dialect, string, error) {
	return nil, "", errors.New("the task is open")
}
func (s *scripted) join(*transport.Writer) *transport.Reader { return nil }
func (s *scripted) wait(listen, send bool, d time.Duration) (transport.Ready, error) {
	if s.polls != nil {
		s.polls()
	}
	var channel transport.Channel
	if listen {
		channel = s.socket
	}
	return transport.Wait(channel, send, s.wake, d)
}
func (s *scripted) broadcasts() map[int64]bool      { return nil }
func (s *scripted) overdue() error                  { return nil }
func (s *scripted) birthDue() (time.Duration, bool) { return 0, false }
func (s *scripted) unborn() bool                    { return !s.pid && !s.gone }
func (s *scripted) exited() bool                    { return s.gone }
func (s *scripted) ending() bool                    { return s.gone }
func (s *scripted) kill()                           { s.kills++; s.gone = true }
func (s *scripted) exitError(killed bool) error {
	return status.New(status.WorkerExited, "killed by the pump: %v", killed)
}

// runningOn is a pump whose task runs on a scripted worker and has all of its input.
func runningOn(t *testing.T, s *scripted) *pump {
	t.Helper()
	var err error
	s.socket, s.peer, err = transport.Pair()
	require.NoError(t, err)
	s.wake, err = transport.NewWake()
	require.NoError(t, err)
	t.Cleanup(func() {
		s.socket.Close()
		s.wake.Close()
		_ = unix.Close(s.peer)
	})
	dialect, err := protocol.ForVersion("4.2.0")
	require.NoError(t, err)
	p := newPump()
	p.lease, p.source = s, transport.NewReader(s.socket)
	p.reader = protocol.NewReader(dialect, protocol.Arrow, p.source)
	p.out = datasection.NewArrowOutput(&datasection.Functions{}, &p.counters.results)
	p.writer.Attach(s.socket)
	p.phase, p.supply = running, spent
	return p
}

func TestAWorkerThatOutlivesItsChannelIsKilled(t *testing.T) {
	s := &scripted{pid: true}
	p := runningOn(t, s)
	require.NoError(t, unix.Close(s.peer))
	s.peer = -1
	code, err := p.run(patience)
	assert.Equal(t, status.WorkerExited, code)
	assert.EqualError(t, err, "killed by the pump: true")
	assert.Equal(t, 1, s.kills)
	assert.Equal(t, failed, p.phase)
}

func TestAWorkerThatEndsIsNotKilled(t *testing.T) {
	s := &scripted{pid: true}
	s.polls = func() { s.gone = true } // its report is here before the pump looks again
	p := runningOn(t, s)
	require.NoError(t, unix.Close(s.peer))
	s.peer = -1
	_, err := p.run(patience)
	assert.EqualError(t, err, "killed by the pump: false")
	assert.Zero(t, s.kills)
}

// The channel that a descendant holds open does not hide the end of the worker.
func TestTheReportOfAnEndIsEnough(t *testing.T) {
	s := &scripted{pid: true, gone: true}
	_, err := runningOn(t, s).run(patience)
	assert.EqualError(t, err, "killed by the pump: false")
}

func TestAnErrorWaitsForTheProcessID(t *testing.T) {
	s := &scripted{}
	waited := 0
	s.polls = func() {
		if waited++; waited == 5 {
			s.pid = true
		}
	}
	p := runningOn(t, s)
	_, err := unix.Write(s.peer, []byte{0x7f, 0, 0, 0, 0}) // no section begins so
	require.NoError(t, err)
	code, err := p.run(patience)
	assert.Equal(t, status.Protocol, code, "%v", err)
	assert.GreaterOrEqual(t, waited, 5)
	assert.Equal(t, failed, p.phase)
	again, _ := p.run(0)
	assert.Equal(t, code, again)
}

// What a worker sends between the end of its time and the error of that is no result, nor an error of its own.
func TestAnAnswerThatComesTooLate(t *testing.T) {
	for name, answer := range map[string][]byte{
		"results":   {0xff, 0xff, 0xff, 0xff},
		"no answer": {0x7f, 0, 0, 0, 0},
		"its end":   nil,
	} {
		s := &scripted{pid: true, late: true}
		p := runningOn(t, s)
		_, err := unix.Write(s.peer, answer)
		require.NoError(t, err)
		if answer == nil {
			require.NoError(t, unix.Close(s.peer))
			s.peer = -1
		}
		code, err := p.run(0)
		require.NoError(t, err, name)
		assert.Equal(t, status.TimedOut, code, name)
		waits := 0
		s.polls = func() {
			waits++
			s.over = status.New(status.Deadline, "too late")
			s.wake.Set()
		}
		code, err = p.run(-1)
		assert.Equal(t, status.Deadline, code, name)
		require.EqualError(t, err, "too late", name)
		assert.Equal(t, 1, waits, name)
		assert.Zero(t, p.source.Total(), name)
	}
}

func TestACallThatOnlyWaitsTimesOut(t *testing.T) {
	s := &scripted{pid: true}
	p := runningOn(t, s)
	code, err := p.run(0)
	require.NoError(t, err)
	assert.Equal(t, status.TimedOut, code)
	assert.Equal(t, interest{listen: true}, p.interest())
}
