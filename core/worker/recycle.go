package worker

import "time"

// Recycle says when a worker is worn out: it then ends in place of becoming idle. Zero is never.
type Recycle struct {
	Tasks  int           // served
	Age    time.Duration // since it was begun
	Memory int64         // bytes of private memory after a task
}

// wornOut says whether a worker that has done a task has to end.
func (r *Recycle) wornOut(w *Worker) bool {
	if r.Tasks > 0 && w.Tasks >= r.Tasks || r.tooOld(w) {
		return true
	}
	pid := w.PID()
	return r.Memory > 0 && pid > 0 && exceeds(pid, r.Memory)
}

func (r *Recycle) tooOld(w *Worker) bool { return r.Age > 0 && time.Since(w.born) >= r.Age }

// justNow is how long a worker that came back from a task is not asked whether it was stopped: asking takes 10 µs.
const justNow = 10 * time.Millisecond

// isStopped says whether the process of an idle worker was stopped by a signal: it would take a task and never begin it.
func (w *Worker) isStopped() bool {
	pid := w.PID()
	return pid > 0 && time.Since(w.idleSince) > justNow && stateOf(pid) == 'T'
}
