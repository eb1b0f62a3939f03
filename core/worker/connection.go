package worker

import (
	"sync"
	"sync/atomic"

	"udfrunner/core/transport"
)

// connection is how a worker comes to its channel.
type connection struct {
	// Channel leads to the worker, Reader reads what it sends. They are there once Ready says so, and the holder's.
	Channel transport.Channel
	Reader  *transport.Reader

	ready atomic.Bool

	mu       sync.Mutex // of what follows
	unwanted bool       // the worker was killed or has ended
	abort    func()     // ends the making of the channel
	onReady  func()
}

func (c *connection) isReady() bool { return c.ready.Load() }

// open sets the channel.
func (c *connection) open(channel transport.Channel) {
	c.Channel, c.Reader = channel, transport.NewReader(channel)
	c.ready.Store(true)
}

// connecting names what is to be called if the channel that is being made is no longer wanted, in place of what it was
// before. It says false where that is so already.
func (c *connection) connecting(abort func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unwanted {
		return false
	}
	c.abort = abort
	return true
}

// connected gives the worker its channel. It says false where the worker was killed or ended meanwhile; channel is then
// closed.
func (c *connection) connected(channel transport.Channel) bool {
	c.mu.Lock()
	if c.unwanted {
		c.mu.Unlock()
		channel.Close()
		return false
	}
	c.open(channel)
	c.abort = nil
	notify := c.onReady
	c.onReady = nil
	c.mu.Unlock()
	if notify != nil {
		notify()
	}
	return true
}

// cancelConnect ends the making of the channel, where it is under way: from now on none is taken.
func (c *connection) cancelConnect() {
	c.mu.Lock()
	c.unwanted = true
	abort := c.abort
	c.abort = nil
	c.mu.Unlock()
	if abort != nil {
		abort()
	}
}

// notifyReady calls notify once the channel is there, and says false where it is already, or has failed.
func (c *connection) notifyReady(notify func(), failed func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isReady() || failed() {
		return false
	}
	c.onReady = notify
	return true
}

// takeNotify is what still waits for the channel, nil where nothing does.
func (c *connection) takeNotify() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	notify := c.onReady
	c.onReady = nil
	return notify
}

// closeChannel closes the channel, where there is one.
func (c *connection) closeChannel() {
	if c.isReady() {
		c.Channel.Close()
	}
}
