package datasection

import (
	"errors"
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// messageBatches are those of a host's Arrow IPC messages.
type messageBatches struct {
	mem     *hostmem.Functions
	source  *hostcall.Source
	decoder *arrowio.Decoder
	records [][]byte // whole messages that the host brought and that are not sent
	ended   bool     // the end of the stream was among them
	sent    [1]arrowio.Message
}

func newMessageBatches(mem *hostmem.Functions) *messageBatches {
	return &messageBatches{mem: mem, decoder: arrowio.NewDecoder(arrowio.DecoderOptions{Fault: status.Host})}
}

func (m *messageBatches) move(in *hostcall.Input) (err error) {
	m.source, err = hostcall.MoveRecords(m.mem, in)
	return err
}

// schema calls the host until the schema came.
func (m *messageBatches) schema() (*arrowio.Schema, error) {
	for m.decoder.Schema() == nil {
		if err := m.fetch(); err != nil {
			if errors.Is(err, hostcall.ErrDone) {
				return nil, status.New(status.Host, "input ended before its schema")
			}
			return nil, err
		}
		if _, err := m.message(); err != nil {
			return nil, err
		}
	}
	return m.decoder.Schema(), nil
}

// next is the next record batch or dictionary. Its body is the host's, until the next call.
func (m *messageBatches) next() (*arrowio.Batch, error) {
	for {
		if err := m.fetch(); err != nil {
			return nil, err
		}
		if batch, err := m.message(); batch != nil || err != nil {
			return batch, err
		}
	}
}

func (m *messageBatches) encode(e *arrowio.Encoder) ([]arrowio.Message, func(), error) {
	batch, err := m.next()
	if err != nil {
		return nil, nil, err
	}
	m.sent[0], err = e.Batch(batch)
	return m.sent[:], func() {}, err
}

// arrays copies what the host brings: dictionaries, too, which batches to come need.
func (m *messageBatches) arrays() arraySource {
	m.decoder.Own(m.mem)
	return func() (*cdata.Array, func(), error) {
		for {
			if _, err := m.next(); err != nil {
				return nil, nil, err
			}
			if m.decoder.Ready() {
				return hostcall.NewArray(m.mem, func(out *cdata.Array) error { return m.decoder.Export(out, nil) })
			}
		}
	}
}

func (m *messageBatches) load(e *arrowio.Encoder) (*cdata.Array, func(), error) {
	for {
		batch, err := m.next()
		if err != nil {
			return nil, nil, err
		}
		if err := e.LoadBatch(batch); err != nil {
			return nil, nil, err
		}
		if array := e.Loaded(); array != nil {
			return array, func() {}, nil
		}
	}
}

func (m *messageBatches) release() {
	m.decoder.Close()
	if m.source != nil {
		m.source.Release()
	}
}

// fetch calls the host if all that it brought is sent.
func (m *messageBatches) fetch() error {
	if len(m.records) > 0 {
		return nil
	}
	records, err := m.source.Next()
	for i, record := range records {
		// Bodies are used in place, which needs them aligned; a host's buffer may begin anywhere.
		if uintptr(unsafe.Pointer(unsafe.SliceData(record)))%8 != 0 {
			aligned := make([]uint64, (len(record)+7)/8)
			records[i] = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(aligned))), len(record))
			copy(records[i], record)
		}
	}
	m.records = records
	return err
}

// message takes the next message from the records; nil for one that is not to be passed on.
func (m *messageBatches) message() (*arrowio.Batch, error) {
	if m.ended {
		return nil, status.New(status.Host, "input has messages after the end of its stream")
	}
	step, batch, err := m.decoder.Next(m.take)
	m.ended = step.Kind == arrowio.StepEnd
	return batch, err
}

// take is the next n bytes of the first record.
func (m *messageBatches) take(n int64) ([]byte, error) {
	if len(m.records) == 0 || n > int64(len(m.records[0])) {
		left := 0
		if len(m.records) > 0 {
			left = len(m.records[0])
		}
		return nil, status.New(status.Host,
			"input record ends within an IPC message: %d bytes where %d are due; records are whole messages", left, n)
	}
	record := m.records[0]
	if int64(len(record)) == n {
		m.records = m.records[1:]
	} else {
		m.records[0] = record[n:]
	}
	return record[:n:n], nil
}
