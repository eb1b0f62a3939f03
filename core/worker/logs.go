package worker

import (
	"os"

	"udfrunner/core/logsink"
)

// logs are the tails of a process's output. Those of a stock daemon are its workers' too, and not theirs to end.
type logs struct {
	stdout, stderr *tail
	shared         bool
}

// newLogs makes the tails of a process's stdout and stderr, and the ends that the process gets.
func newLogs(sink *logsink.Sink) (logs, *logEnds, error) {
	var l logs
	ends := &logEnds{}
	var err error
	if l.stdout, ends.stdout, err = newTail(sink, "stdout"); err != nil {
		return logs{}, nil, err
	}
	if l.stderr, ends.stderr, err = newTail(sink, "stderr"); err != nil {
		_ = ends.stdout.Close()
		return logs{}, nil, err
	}
	return l, ends, nil
}

// logEnds are the writer's ends of log pipes, to be closed once they were handed over.
type logEnds struct{ stdout, stderr *os.File }

func (e *logEnds) close() {
	_ = e.stdout.Close()
	_ = e.stderr.Close()
}

func (l *logs) setPID(pid int) {
	if !l.shared {
		l.stdout.setPID(pid)
		l.stderr.setPID(pid)
	}
}

// setTask says whose the lines are that come from now on.
func (l *logs) setTask(task *logsink.Task) {
	if l.shared || l.stdout == nil {
		return
	}
	l.stdout.lines.SetTask(task)
	l.stderr.lines.SetTask(task)
}

// endOutput takes what was written before out of the pipes. A line without its end is one.
func (l *logs) endOutput() {
	for _, t := range []*tail{l.stdout, l.stderr} {
		if t == nil {
			continue
		}
		t.drainNow()
		if !l.shared {
			t.flush()
		}
	}
}

func (l *logs) finish() {
	if !l.shared {
		l.stdout.finish()
		l.stderr.finish()
	}
}
