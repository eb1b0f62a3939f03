package worker

import (
	"slices"
	"strings"
)

// probe asks a factory's interpreter for its versions, once for each interpreter and environment. Failures are not
// kept: they can be mended. running gets the daemon that is asked, and may end it.
func probe(spec *Spec, running func(*embeddedDaemon)) (Info, error) {
	key := probeKey(spec)
	if info, ok := spec.Probes.get(key); ok {
		return info, nil
	}
	asked := *spec
	asked.Zygote, asked.Modules = false, nil
	var d *embeddedDaemon
	err := withEvictionOfProcesses(func() (err error) {
		d, err = startEmbedded(&asked)
		return err
	})
	if err != nil {
		return Info{}, err
	}
	running(d)
	info, err := d.handshake()
	if err != nil {
		err = d.explain(err)
	}
	d.close()
	d.reap()
	if err != nil {
		return Info{}, err
	}
	info.Threads, info.Notes = 0, nil // of a daemon that is gone
	spec.Probes.put(key, info)
	return info, nil
}

func probeKey(spec *Spec) string {
	return strings.Join(slices.Concat([]string{spec.Python}, spec.Launcher, []string{""}, spec.Env), "\x00")
}
