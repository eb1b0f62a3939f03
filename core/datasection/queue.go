package datasection

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/transport"
)

// queueMessages queues messages as the encoder made them.
func queueMessages(w *transport.Writer, messages []arrowio.Message) {
	for i := range messages {
		queueMessage(w, &messages[i])
	}
}

func queueMessage(w *transport.Writer, m *arrowio.Message) {
	w.Queue(m.Header)
	w.Queue(m.Body...)
}
