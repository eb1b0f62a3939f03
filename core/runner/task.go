package runner

import (
	"strconv"

	"udfrunner/core/config"
	"udfrunner/core/logsink"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// Task is the identity of one task, Spark's TaskContext.
type Task struct {
	Partition, Attempt, Stage int32
	CPUs                      int32 // 0 = 1
	TaskAttemptID             int64
	DeadlineMS                int64 // from Compute on; 0 = none
	Properties                []config.Pair
	Resources                 []Resource
	Barrier                   bool
	BarrierPort               int32
	BarrierSecret             string
	BarrierPath               string // a Unix socket in place of port and secret
}

// Resource is Spark's ResourceInformation.
type Resource struct {
	Name      string
	Addresses []string
}

func (t *Task) check() error {
	switch {
	case t.Partition < 0:
		return status.New(status.InvalidArgument, "task partition %d, allowed are 0 and up", t.Partition)
	case t.CPUs < 0:
		return status.New(status.InvalidArgument, "task cpus %d, allowed are 0 (= 1) and up", t.CPUs)
	case t.DeadlineMS < 0:
		return status.New(status.InvalidArgument, "task deadline_ms %d, allowed are 0 (none) and up", t.DeadlineMS)
	}
	return t.checkBarrier()
}

// checkBarrier says what is wrong with the address of a barrier task's server.
func (t *Task) checkBarrier() error {
	if t.Barrier && t.BarrierPath == "" && (t.BarrierPort < 1 || t.BarrierPort > maxPort) {
		return status.New(status.InvalidArgument,
			"barrier port %d of a task without a barrier path, allowed are 1 to %d",
			t.BarrierPort, maxPort)
	}
	return nil
}

const maxPort = 1<<16 - 1

// context is the task as the worker hears of it.
func (t *Task) context() protocol.Context {
	c := protocol.Context{
		Stage: t.Stage, Partition: t.Partition, Attempt: t.Attempt, TaskAttemptID: t.TaskAttemptID,
		CPUs: max(1, t.CPUs), Barrier: t.Barrier, BarrierPort: t.BarrierPort, Secret: t.BarrierSecret,
		BarrierPath: t.BarrierPath,
	}
	for _, r := range t.Resources {
		c.Resources = append(c.Resources, protocol.Resource{Name: r.Name, Addresses: r.Addresses})
	}
	for _, p := range t.Properties {
		c.Properties = append(c.Properties, protocol.Entry{Key: p.Key, Value: p.Value})
	}
	return c
}

// identify makes an error one that ends the task: it has a cause and the task's identity.
func (t *Task) identify(err *status.Error) *status.Error {
	return err.Explained().With("task.partition", strconv.Itoa(int(t.Partition))).
		With("task.attempt", strconv.Itoa(int(t.Attempt))).
		With("task.stage", strconv.Itoa(int(t.Stage))).With("task.id", strconv.FormatInt(t.TaskAttemptID, 10))
}

// label is the task as log lines name it.
func (t *Task) label() *logsink.Task {
	return &logsink.Task{Stage: t.Stage, Partition: t.Partition, Attempt: t.Attempt, ID: t.TaskAttemptID}
}
