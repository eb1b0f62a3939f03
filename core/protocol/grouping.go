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
	// StreamPair: for each group the int 2 and two Arrow streams of one batch or more, the left and the right side's,
	// behind the last the int 0.
	StreamPair
)

// groupings are those of one minor by eval type; types that are not there have NoGroups.
type groupings map[int32]Grouping

var (
	groupings35 = groupings{
		SQLGroupedMapPandasUDF:   BatchPerGroup,
		SQLGroupedAggPandasUDF:   BatchPerGroup,
		SQLWindowAggPandasUDF:    BatchPerGroup,
		SQLCogroupedMapPandasUDF: StreamPair,
	}
	groupings40 = groupings{
		SQLGroupedMapPandasUDF:                  BatchPerGroup,
		SQLGroupedAggPandasUDF:                  BatchPerGroup,
		SQLWindowAggPandasUDF:                   BatchPerGroup,
		SQLCogroupedMapPandasUDF:                StreamPair,
		SQLGroupedMapArrowUDF:                   BatchPerGroup,
		SQLCogroupedMapArrowUDF:                 StreamPair,
		SQLTransformWithStatePandasUDF:          KeyPerBatch,
		SQLTransformWithStatePandasInitStateUDF: KeyPerBatch,
	}
	groupings41 = groupings{
		SQLGroupedMapPandasUDF:                     StreamPerGroup,
		SQLGroupedAggPandasUDF:                     StreamPerGroup,
		SQLWindowAggPandasUDF:                      StreamPerGroup,
		SQLCogroupedMapPandasUDF:                   StreamPair,
		SQLGroupedMapArrowUDF:                      StreamPerGroup,
		SQLCogroupedMapArrowUDF:                    StreamPair,
		SQLTransformWithStatePandasInitStateUDF:    KeyPerBatch,
		SQLTransformWithStatePythonRowInitStateUDF: KeyPerBatch,
		SQLGroupedMapArrowIterUDF:                  StreamPerGroup,
		SQLGroupedMapPandasIterUDF:                 StreamPerGroup,
		SQLGroupedAggArrowUDF:                      StreamPerGroup,
		SQLWindowAggArrowUDF:                       StreamPerGroup,
	}
	groupings42 = groupings{
		SQLGroupedMapPandasUDF:     StreamPerGroup,
		SQLGroupedAggPandasUDF:     StreamPerGroup,
		SQLWindowAggPandasUDF:      StreamPerGroup,
		SQLCogroupedMapPandasUDF:   StreamPair,
		SQLGroupedMapArrowUDF:      StreamPerGroup,
		SQLCogroupedMapArrowUDF:    StreamPair,
		SQLGroupedMapArrowIterUDF:  StreamPerGroup,
		SQLGroupedMapPandasIterUDF: StreamPerGroup,
		SQLGroupedAggPandasIterUDF: StreamPerGroup,
		SQLGroupedAggArrowUDF:      StreamPerGroup,
		SQLWindowAggArrowUDF:       StreamPerGroup,
		SQLGroupedAggArrowIterUDF:  StreamPerGroup,
	}
)

// Grouping is how the input of an eval type is grouped for workers of this minor.
func (d *Dialect) Grouping(e *EvalType) Grouping { return d.groupings[e.ID] }
