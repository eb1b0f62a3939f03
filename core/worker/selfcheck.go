package worker

import (
	"strings"
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// known makes the factory usable, or has its dialect checked first where that is not known to fit.
func (b *base) known(info Info, dialect *protocol.Dialect) {
	if !dialect.Tried || b.spec.Check == nil {
		b.ready(info, dialect)
		return
	}
	safego.Go(func() {
		if err := b.check(&info, dialect); err != nil {
			minors := protocol.Minors()
			refusal := status.New(status.NotSupported,
				"PySpark %s of %q did not pass the self-check in the format of %s: %w; "+
					"supported are %s, and newer ones that pass it",
				info.PySpark, b.spec.Python, minors[len(minors)-1], err, strings.Join(minors, ", "))
			refusal.Details = err.Details
			b.fail(refusal)
			return
		}
		b.ready(info, dialect)
	}, b.fail)
}

// check runs the self-check on a worker of the factory's own.
func (b *base) check(info *Info, dialect *protocol.Dialect) *status.Error {
	w, err := b.begin("", inTask, map[string]string{}, nil)
	if err != nil {
		return status.From(err)
	}
	defer b.Release(w, false)
	connected := make(chan struct{})
	w.OnReady(func() { close(connected) })
	<-connected // bounded by the maker
	if _, err := w.Ready(); err != nil {
		return status.From(err)
	}
	if err := b.spec.Check(w, dialect, info, time.Now().Add(b.spec.StartTimeout)); err != nil {
		return w.Explain(status.From(err))
	}
	return nil
}
