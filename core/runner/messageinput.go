package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/protocol"
	"udfrunner/core/transport"
)

// messageInput writes a host's Arrow IPC messages: they are checked, and their bodies passed on in place.
type messageInput struct {
	inputBase
	*messageBatches
	sent *arrowio.Encoder
}

func (m *messageInput) open(*protocol.Dialect) (opening, error) {
	schema, err := m.schema()
	if err != nil {
		return opening{}, err
	}
	encoder, added, err := m.encoder(schema)
	m.sent = encoder
	return added, err
}

func (m *messageInput) start(w *transport.Writer) { w.Queue(m.sent.Start()) }

func (m *messageInput) pull(w *transport.Writer) error {
	batch, err := m.next()
	if err != nil {
		return err
	}
	message, err := m.sent.Batch(batch)
	if err != nil {
		return err
	}
	queueMessage(w, &message)
	return nil
}

func (m *messageInput) finish(w *transport.Writer) { w.Queue(arrowio.EndOfStream) }
