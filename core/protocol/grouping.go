package protocol

import "udfrunner/core/pyspark"

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
	// StreamPair: for each group the int 2 and two Arrow streams of one batch or more, the left and the right side's,
	// behind the last the int 0.
	StreamPair
)

// groupings are those of an eval type, each from a release on.
type groupings []struct {
	from     pyspark.Minor
	grouping Grouping
}

// Grouping is how the input of an eval type is grouped for workers of this minor.
func (d *Dialect) Grouping(e *EvalType) Grouping {
	grouping := NoGroups
	for _, g := range e.groups {
		if g.from <= d.release {
			grouping = g.grouping
		}
	}
	return grouping
}
