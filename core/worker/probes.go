package worker

import "sync"

// Probes keeps what interpreters said of themselves. Stock daemons and workers do not say it, so that their
// factories ask the embedded daemon, which answers without importing PySpark and ends. The zero value is empty
// and ready; all methods are safe from any thread.
type Probes struct {
	mu    sync.Mutex
	known map[string]Info
}

func (p *Probes) get(key string) (Info, bool) {
	if p == nil {
		return Info{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	info, ok := p.known[key]
	return info, ok
}

func (p *Probes) put(key string, info Info) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = map[string]Info{}
	}
	p.known[key] = info
}
