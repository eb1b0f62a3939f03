package datasection

import (
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// NewRecordInput writes pickled records.
func NewRecordInput(f *Functions, in *hostcall.Input) (*RecordInput, error) {
	if in.Kind != hostcall.Records {
		return nil, f.wrongKind(in, "RECORDS (2)")
	}
	return &RecordInput{mem: f.Memory}, f.withoutGroups(in)
}

// RecordInput writes a host's pickled records.
type RecordInput struct {
	mem    *hostmem.Functions
	source *hostcall.Source
}

// Move implements Input.
func (r *RecordInput) Move(in *hostcall.Input) (err error) {
	r.source, err = hostcall.MoveRecords(r.mem, in)
	return err
}

// Open implements Input.
func (r *RecordInput) Open(*protocol.Dialect) (Additions, error) { return Additions{}, nil }

// Start implements Input.
func (r *RecordInput) Start(*transport.Writer) {}

// Pull implements Input.
func (r *RecordInput) Pull(w *transport.Writer) error {
	records, err := r.source.Next()
	if err != nil {
		return err
	}
	for _, record := range records {
		if len(record) > maxRecord {
			return status.New(status.Host, "input record of %d bytes, allowed are %d", len(record), maxRecord)
		}
		w.Queue(protocol.RecordHeader(len(record)), record)
	}
	return nil
}

// maxRecord is the most that the length in front of a record can say.
const maxRecord = 1<<31 - 1

// Finish implements Input.
func (r *RecordInput) Finish(w *transport.Writer) { w.Queue(protocol.EndOfRecords) }

// Release implements Input.
func (r *RecordInput) Release() { r.source.Release() }
