package datasection

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostdata"
)

// batches are a host's record batches, as structs or as messages.
type batches interface {
	move(in *hostcall.Input) error
	// schema calls the host until it is known.
	schema() (*arrowio.Schema, error)
	// encode calls the host and encodes the next batch, in place: messages until the next call. release ends it.
	encode(e *arrowio.Encoder) (messages []arrowio.Message, release func(), err error)
	// load calls the host and loads the next batch into the encoder. release ends it.
	load(e *arrowio.Encoder) (array *cdata.Array, release func(), err error)
	// arrays is asked once the schema is known, where neither encode nor load are used: what it returns calls the
	// host, and gives the next batch as an array that has its dictionaries.
	arrays() arraySource
	release()
}

// arraySource gives the next batch as an array. release ends it.
type arraySource func() (array *cdata.Array, release func(), err error)

func (next arraySource) encode(e *arrowio.Encoder) ([]arrowio.Message, func(), error) {
	array, release, err := next()
	if err != nil {
		return nil, nil, err
	}
	messages, err := e.Array(array)
	if err != nil {
		release()
	}
	return messages, release, err
}

func (next arraySource) load(e *arrowio.Encoder) (*cdata.Array, func(), error) {
	array, release, err := next()
	if err != nil {
		return nil, nil, err
	}
	if err = e.Load(array); err != nil {
		release()
	}
	return array, release, err
}

// converted are the arrays of a source after a converter.
func converted(next arraySource, c *hostdata.Converter) arraySource {
	return func() (*cdata.Array, func(), error) {
		array, release, err := next()
		if err != nil {
			return nil, nil, err
		}
		out, done, err := c.Array(array)
		if err != nil {
			release()
			return nil, nil, err
		}
		return out, func() { done(); release() }, nil
	}
}

// convertedBatches are a host's batches as Spark would have sent them.
type convertedBatches struct {
	batches
	next arraySource
}

func (b *convertedBatches) encode(e *arrowio.Encoder) ([]arrowio.Message, func(), error) {
	return b.next.encode(e)
}

func (b *convertedBatches) load(e *arrowio.Encoder) (*cdata.Array, func(), error) {
	return b.next.load(e)
}
