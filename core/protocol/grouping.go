package protocol

// Grouping is how the input of an eval type with Arrow data tells groups apart.
type Grouping uint8

// Groupings.
const (
	// NoGroups: one Arrow stream, its batches cut anywhere.
	NoGroups Grouping = iota
	// BatchPerGroup: one Arrow stream, each batch a whole group.
	BatchPerGroup
	// KeyPerBatch: one Arrow stream, each batch with rows of one grouping key; those of a key follow each other.
	KeyPerBatch
	// StreamPerGroup: for each group the int 1 and an Arrow stream of one batch or more, behind the last the int 0.
	StreamPerGroup
	// StreamPair: for each group the int 2 and two Arrow streams of one batch or more, the left and the right side's, behind the
	// last the int 0.
	StreamPair
)

// groupings are those of one minor by eval type; types that are not there have NoGroups.
type groupings map[int32]Grouping

var (
	groupings35 = groupings{
		201: BatchPerGroup, 202: BatchPerGroup, 203: BatchPerGroup, 206: StreamPair,
	}
	groupings40 = groupings{
		201: BatchPerGroup, 202: BatchPerGroup, 203: BatchPerGroup, 206: StreamPair,
		209: BatchPerGroup, 210: StreamPair, 211: KeyPerBatch, 212: KeyPerBatch,
	}
	groupings41 = groupings{
		201: StreamPerGroup, 202: StreamPerGroup, 203: StreamPerGroup, 206: StreamPair,
		209: StreamPerGroup, 210: StreamPair, 212: KeyPerBatch, 214: KeyPerBatch,
		215: StreamPerGroup, 216: StreamPerGroup, 252: StreamPerGroup, 253: StreamPerGroup,
	}
	groupings42 = groupings{
		201: StreamPerGroup, 202: StreamPerGroup, 203: StreamPerGroup, 206: StreamPair,
		209: StreamPerGroup, 210: StreamPair, 215: StreamPerGroup, 216: StreamPerGroup, 217: StreamPerGroup,
		252: StreamPerGroup, 253: StreamPerGroup, 254: StreamPerGroup,
	}
)

// Grouping is how the input of an eval type is grouped for workers of this minor.
func (d *Dialect) Grouping(e *EvalType) Grouping { return d.groupings[e.ID] }
