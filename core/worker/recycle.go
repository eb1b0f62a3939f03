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
