package datasection

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/transport"
)

// NewBatchInput writes one Arrow stream.
func NewBatchInput(f *Functions, in *hostcall.Input) (Input, error) {
	if err := f.withoutGroups(in); err != nil {
		return nil, err
	}
	source, err := f.newBatches(in)
	return &batchInput{Functions: f, source: source}, err
}

// batchInput writes a host's batches as one Arrow stream.
type batchInput struct {
	*Functions
	source batches
	sent   *arrowio.Encoder
	limits batchLimits
}

func (b *batchInput) Open(d *protocol.Dialect) (added Additions, err error) {
	source, schema, err := b.spark(d, b.source)
	if err != nil {
		return Additions{}, err
	}
	b.source, b.limits = source, b.batchLimits(d)
	if _, err := b.checkGrouped(0, schema); err != nil {
		return Additions{}, err
	}
	if added.EvalConf, err = b.inputConf(schema); err != nil {
		return Additions{}, err
	}
	b.sent, err = b.encoder(schema)
	return added, err
}

func (b *batchInput) Move(in *hostcall.Input) error { return b.source.move(in) }

func (b *batchInput) Start(w *transport.Writer) { w.Queue(b.sent.Start()) }

func (b *batchInput) Pull(w *transport.Writer) error {
	if b.limits.none() {
		messages, release, err := b.source.encode(b.sent)
		if err != nil {
			return err
		}
		queueMessages(w, messages)
		w.OnSent(release)
		return nil
	}
	array, release, err := b.source.load(b.sent)
	if err != nil {
		return err
	}
	// What is queued of the batch when an error comes is never sent, but dropped later than this call.
	defer w.OnSent(release)
	return b.limits.slice(b.sent, 0, array.Length, w)
}

func (b *batchInput) Finish(w *transport.Writer) { w.Queue(arrowio.EndOfStream) }

func (b *batchInput) Release() { b.source.release() }
