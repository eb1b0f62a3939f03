package worker

import (
	"os"
	"slices"
	"sync"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// modules is what the factories of stock daemons and of simple workers have in common: both run PySpark's own modules,
// which do not say what they are, over sockets that others could reach.
type modules struct {
	*base
	dir     string         // of Unix sockets, for this factory alone; before known
	stopped chan struct{}  // closed when all has to end
	group   sync.WaitGroup // what must have ended before the factory is gone

	// under base.mu
	probing  *embeddedDaemon
	stopping bool
}

func newModules(spec Spec) *modules {
	return &modules{base: newBase(spec), stopped: make(chan struct{})}
}

// run is the factory's goroutine.
func (m *modules) run() {
	defer close(m.gone)
	info, dialect, err := m.find()
	if err == nil && m.spec.UnixSockets {
		err = m.makeDir()
	}
	if err != nil {
		m.fail(status.From(err))
	} else {
		m.known(info, dialect)
	}
	<-m.stopped
	m.group.Wait()
	if m.dir != "" {
		_ = os.RemoveAll(m.dir)
	}
}

// unixSince is the first PySpark whose daemons and workers take Unix sockets (SPARK-51688).
const unixSince = "4.1"

// find finds out what interpreter it is.
func (m *modules) find() (Info, *protocol.Dialect, error) {
	info, err := probe(&m.spec, func(d *embeddedDaemon) {
		m.mu.Lock()
		m.probing = d
		closed := m.stopping
		m.mu.Unlock()
		if closed {
			d.close()
		}
	})
	if err != nil {
		return info, nil, err
	}
	dialect, err := m.dialectOf(&info)
	if err != nil {
		return info, nil, err
	}
	minors := protocol.Minors()
	if m.spec.UnixSockets && !dialect.Tried && slices.Index(minors, dialect.Minor) < slices.Index(minors, unixSince) {
		return info, nil, status.New(status.NotSupported,
			"spark.python.unix.domain.socket.enabled: PySpark %s of %q has no Unix sockets, %s is the first that has",
			info.PySpark, m.spec.Python, unixSince)
	}
	return info, dialect, nil
}

const (
	// maxSocketPath is what the address of a Unix socket may hold.
	maxSocketPath = 107
	// daemonSocket is as long as the name that a daemon gives its socket.
	daemonSocket = "/.01234567-0123-0123-0123-0123456789ab.sock"
)

// makeDir makes a directory that nobody else can enter.
func (m *modules) makeDir() error {
	dir, err := os.MkdirTemp(m.spec.SocketDir, "udf-")
	if err != nil {
		return status.New(status.Spawn, "spark.python.unix.domain.socket.dir: %w", err)
	}
	m.dir = dir
	if n := len(dir) + len(daemonSocket); n > maxSocketPath {
		return status.New(status.InvalidArgument,
			"spark.python.unix.domain.socket.dir %q: paths of sockets have %d bytes, allowed are %d",
			m.spec.SocketDir, n, maxSocketPath)
	}
	return nil
}

// begin adds something to what must end before the factory is gone; false once it stops.
func (m *modules) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopping {
		return false
	}
	m.group.Add(1)
	return true
}

// stopWorkers ends the probe and the workers, and lets run go on; nothing new begins.
func (m *modules) stopWorkers() {
	m.mu.Lock()
	m.stopping = true
	d := m.probing
	m.mu.Unlock()
	if d != nil {
		d.close()
	}
	for _, w := range m.alive() {
		w.Kill()
	}
	close(m.stopped)
}

// errKilled is why a worker has no channel that was killed while it was made.
func (m *modules) errKilled() *status.Error {
	return status.New(status.Cancelled, "worker (%s) was killed before it was connected", m.spec.Python)
}
