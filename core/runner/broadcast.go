package runner

import "udfrunner/core/protocol"

// Broadcast is a broadcast variable: its id and the file of its pickled value, or "" where the host's server has it.
type Broadcast struct {
	ID   int64
	Path string
}

// announce is what a worker that holds these broadcast variables is to be told: new ones, and those that it has to
// drop.
func announce(wanted []Broadcast, held map[int64]bool) (list []protocol.Broadcast) {
	if len(wanted) == 0 && len(held) == 0 {
		return nil
	}
	keep := map[int64]bool{}
	for _, b := range wanted {
		keep[b.ID] = true
		if !held[b.ID] {
			list = append(list, protocol.Broadcast{ID: b.ID, Path: b.Path})
		}
	}
	for id := range held {
		if !keep[id] {
			list = append(list, protocol.Broadcast{ID: id, Drop: true})
		}
	}
	return list
}

// record keeps what a worker holds that was told so.
func record(announced []protocol.Broadcast, held map[int64]bool) {
	for _, b := range announced {
		if b.Drop {
			delete(held, b.ID)
		} else {
			held[b.ID] = true
		}
	}
}
