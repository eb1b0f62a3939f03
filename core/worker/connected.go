package worker

import (
	"math"
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// connected is the factory of workers that are none of the library's processes.
type connected struct {
	*base
	connect func() (transport.Channel, error)
}

// NewConnected makes a factory of workers that somebody else runs, as tests do. It is ready at once and speaks dialect;
// info is what its interpreter is said to be. connect is called in Acquire and yields a channel to a worker, which
// becomes the factory's. To kill such a worker is to close its channel; how it ends is never known.
func NewConnected(dialect *protocol.Dialect, info Info, connect func() (transport.Channel, error)) Factory {
	spec := Spec{
		Program: Program{Python: info.Python, StartTimeout: time.Minute},
		Policy:  Policy{IdleTimeout: time.Hour, MaxIdle: math.MaxInt32},
	}
	c := &connected{base: newBase(spec), connect: connect}
	c.maker = c
	c.ready(info, dialect)
	return c
}

// launch implements maker.
func (c *connected) launch(w *Worker, _ map[string]string) error {
	channel, err := c.connect()
	if err != nil {
		return status.New(status.Spawn, "connection to a worker: %w", err)
	}
	w.started(-1, -1, nil, "")
	w.connected(channel)
	return nil
}

// kill implements maker.
func (c *connected) kill(w *Worker) { c.ended(w, Exit{Unseen: unseenProcess}, nil) }

// stop implements maker.
func (c *connected) stop() { close(c.gone) }

// DaemonPID implements Factory.
func (c *connected) DaemonPID() int { return 0 }
