package worker

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// What the library says to a daemon; core/daemon/server.py documents the operations.
type (
	startMessage struct {
		Op       string   `json:"op"`
		Protocol int      `json:"protocol"`
		Zygote   bool     `json:"zygote"`
		Modules  []string `json:"modules"`
		Minimum  string   `json:"minimum_pyspark"`
	}
	warmMessage struct {
		Op     string   `json:"op"`
		Inputs [][]byte `json:"inputs"` // base64
	}
	forkMessage struct {
		Op    string            `json:"op"`
		ID    uint64            `json:"id"`
		Env   map[string]string `json:"env"`
		Unset []string          `json:"unset"`
		Paths []string          `json:"paths"` // what the worker's tasks put on sys.path
		Cwd   *string           `json:"cwd"`
	}
	againMessage struct {
		Op string `json:"op"`
		ID uint64 `json:"id"`
	}
	killMessage struct {
		Op     string `json:"op"`
		ID     uint64 `json:"id"`
		Signal int    `json:"signal"`
	}
	stackMessage struct {
		Op     string `json:"op"`
		ID     uint64 `json:"id"`
		Signal int    `json:"signal"`
	}
)

// message is what a daemon says; which members count depends on Op.
type message struct {
	Op         string   `json:"op"`
	ID         uint64   `json:"id"`
	PID        int      `json:"pid"`
	Held       bool     `json:"held"`      // a pidfd came with the message
	NoStacks   string   `json:"no_stacks"` // why no stack file came with it
	Errno      int      `json:"errno"`
	Python     string   `json:"python"`
	PySpark    string   `json:"pyspark"`
	PyArrow    string   `json:"pyarrow"`
	Pandas     string   `json:"pandas"`
	Threads    int      `json:"threads"`
	Zygote     bool     `json:"zygote"`
	Notes      []string `json:"notes"`
	Message    string   `json:"message"`
	Reason     string   `json:"reason"`
	Traceback  string   `json:"traceback"`
	Status     int      `json:"status"`
	PeakRSS    int64    `json:"peak_rss"`
	UserTime   float64  `json:"user_time"`
	SystemTime float64  `json:"system_time"`
}

const maxPacket = 128 << 10

// control is the library's end of the socket to a daemon: packets with descriptors.
type control struct {
	conn *net.UnixConn
	outbox
}

// newControl makes the pair; the second value is the daemon's end.
func newControl() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, status.New(status.IO, "control socket of a daemon: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "daemon control"), os.NewFile(uintptr(fds[1]), "daemon stdin")
	defer func() { _ = ours.Close() }() // FileConn duplicates it
	conn, err := net.FileConn(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, status.New(status.IO, "control socket of a daemon: %w", err)
	}
	unixConn := conn.(*net.UnixConn) //nolint:forcetypeassert // a Unix socket
	raw, err := unixConn.SyscallConn()
	if err != nil {
		_ = theirs.Close()
		_ = conn.Close()
		return nil, nil, status.New(status.IO, "control socket of a daemon: %w", err)
	}
	return &control{conn: unixConn, outbox: outbox{raw: raw}}, theirs, nil
}

// listening ends the limit of time for what is received.
func (c *control) listening() error { return c.conn.SetReadDeadline(time.Time{}) }

// send sends a packet, or has it sent as soon as the daemon reads; see outbox.post.
func (c *control) send(packet []byte) error { return c.post(&outgoing{bytes: packet}) }

func (c *control) sendMessage(m any) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.send(packet)
}

// request sends a request for a worker with its descriptors, which release closes in any case.
func (c *control) request(m *forkMessage, release func(), fds ...int) error {
	packet, err := json.Marshal(m)
	if err == nil && len(packet) > maxPacket {
		err = status.New(status.InvalidArgument,
			"message of %d bytes to the daemon, allowed are %d: the environment of the worker is too large",
			len(packet), maxPacket)
	}
	if err != nil {
		release()
		return err
	}
	return c.post(&outgoing{id: m.ID, bytes: packet, fds: fds, release: release})
}

// receive waits for the next message and the descriptors that came with it; io.EOF when the daemon is gone.
func (c *control) receive(packet []byte) (*message, []int, error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, _, _, err := c.conn.ReadMsgUnix(packet, oob)
	if err != nil {
		return nil, nil, err
	}
	fds := received(oob[:oobn])
	if n == 0 {
		closeAll(fds)
		return nil, nil, io.EOF
	}
	var m message
	if err := json.Unmarshal(packet[:n], &m); err != nil {
		closeAll(fds)
		return nil, nil, status.New(status.Protocol, "daemon sent %.100q, which is no message: %w", packet[:n], err)
	}
	return &m, fds, nil
}

func received(oob []byte) []int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var fds []int
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
