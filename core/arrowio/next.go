package arrowio

// Next reads the next message of a stream whole: for callers that can wait for all of it. take returns the next n
// bytes of the stream; it is not called for none. A decoder with Memory copies the body into a block of it; one without
// borrows it, so that the bytes must be aligned to 8 and stay as they are while the batch is used.
//
// The batch is nil after the schema, and at the end of the stream, where the step is StepEnd.
func (d *Decoder) Next(take func(n int64) ([]byte, error)) (step Step, batch *Batch, err error) {
	prefix, err := take(prefixSize)
	if err != nil {
		return Step{}, nil, err
	}
	size, eos, err := d.Prefix(prefix)
	if err != nil {
		return Step{}, nil, err
	}
	if eos {
		return Step{Kind: StepEnd}, nil, nil
	}
	metadata, err := take(int64(size))
	if err != nil {
		return Step{}, nil, err
	}
	if step, err = d.Metadata(metadata); err != nil || step.Kind == StepSchema {
		return step, nil, err
	}
	if err = d.nextBody(take); err != nil {
		return step, nil, err
	}
	batch, err = d.Finish()
	return step, batch, err
}

func (d *Decoder) nextBody(take func(n int64) ([]byte, error)) error {
	var from []byte
	if d.step.BodyLength > 0 {
		var err error
		if from, err = take(d.step.BodyLength); err != nil {
			return err
		}
	}
	if d.opt.Memory == nil {
		return d.Borrow(from)
	}
	to, err := d.Body()
	if err != nil {
		return err
	}
	copy(to, from)
	return nil
}
