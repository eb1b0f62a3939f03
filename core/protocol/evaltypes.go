package protocol

import "udfrunner/core/pyspark"

// evalTypes are PySpark's, by number, complete for PySpark 4.3: all that an eval type has of its own stands in its row.
var evalTypes = []EvalType{
	{ID: 0, Name: "NON_UDF", Family: RDD, SingleChain: true},
	{
		ID: 100, Name: "SQL_BATCHED_UDF", Family: BatchEval,
		Keywords:    true,
		keywordFlag: pyspark.V40,
	},
	{
		ID: 101, Name: "SQL_ARROW_BATCHED_UDF", Family: ArrowEval,
		Framing: Arrow, Sight: SeesObjects, Keywords: true, InputType: true,
		keywordFlag: pyspark.V40,
	},
	{
		ID: 200, Name: "SQL_SCALAR_PANDAS_UDF", Family: ArrowEval,
		Framing: Arrow, Sight: SeesPandas, Keywords: true,
		keywordFlag: pyspark.V40,
	},
	{
		ID: 201, Name: "SQL_GROUPED_MAP_PANDAS_UDF", Family: GroupedMap,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true, StructOutput: true,
		groups: groupings{{pyspark.V35, BatchPerGroup}, {pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 202, Name: "SQL_GROUPED_AGG_PANDAS_UDF", Family: GroupedAggregate,
		Framing: Arrow, Sight: SeesPandas, Keywords: true,
		keywordFlag: pyspark.V40, groups: groupings{{pyspark.V35, BatchPerGroup}, {pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 203, Name: "SQL_WINDOW_AGG_PANDAS_UDF", Family: WindowAggregate,
		Framing: Arrow, Sight: SeesPandas, Keywords: true,
		keywordFlag: pyspark.V40, groups: groupings{{pyspark.V35, BatchPerGroup}, {pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 204, Name: "SQL_SCALAR_PANDAS_ITER_UDF", Family: ArrowEval,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true,
		keywordFlag: pyspark.V40,
	},
	{
		ID: 205, Name: "SQL_MAP_PANDAS_ITER_UDF", Family: MapInBatch,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true, StructInput: true, StructOutput: true,
	},
	{
		ID: 206, Name: "SQL_COGROUPED_MAP_PANDAS_UDF", Family: CoGroupedMap,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true, StructOutput: true,
		groups: groupings{{pyspark.V35, StreamPair}},
	},
	{
		ID: 207, Name: "SQL_MAP_ARROW_ITER_UDF", Family: MapInBatch,
		Framing: Arrow, Sight: SeesArrow, SingleChain: true, StructInput: true, StructOutput: true, AnyResult: true,
	},
	{
		ID: 208, Name: "SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE", Family: GroupedMapWithState,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true,
	},
	{
		ID: 209, Name: "SQL_GROUPED_MAP_ARROW_UDF", Family: GroupedMap,
		Framing: Arrow, Sight: SeesArrow, SingleChain: true, StructInput: true, StructOutput: true,
		since: pyspark.V40, groups: groupings{{pyspark.V40, BatchPerGroup}, {pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 210, Name: "SQL_COGROUPED_MAP_ARROW_UDF", Family: CoGroupedMap,
		Framing: Arrow, Sight: SeesArrow, SingleChain: true, StructOutput: true,
		since: pyspark.V40, groups: groupings{{pyspark.V40, StreamPair}},
	},
	{
		ID: 211, Name: "SQL_TRANSFORM_WITH_STATE_PANDAS_UDF", Family: TransformWithState,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true, StructOutput: true,
		since: pyspark.V40, groups: groupings{{pyspark.V40, KeyPerBatch}, {pyspark.V41, NoGroups}},
	},
	{
		ID: 212, Name: "SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF", Family: TransformWithState,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true, StructOutput: true,
		since: pyspark.V40, groups: groupings{{pyspark.V40, KeyPerBatch}, {pyspark.V42, NoGroups}},
	},
	{
		ID: 213, Name: "SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF", Family: TransformWithState,
		Framing: Arrow, Sight: SeesObjects, SingleChain: true, StructOutput: true,
		since: pyspark.V41,
	},
	{
		ID: 214, Name: "SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF", Family: TransformWithState,
		Framing: Arrow, Sight: SeesObjects, SingleChain: true, StructOutput: true,
		since: pyspark.V41, groups: groupings{{pyspark.V41, KeyPerBatch}, {pyspark.V42, NoGroups}},
	},
	{
		ID: 215, Name: "SQL_GROUPED_MAP_ARROW_ITER_UDF", Family: GroupedMap,
		Framing: Arrow, Sight: SeesArrow, SingleChain: true, StructInput: true, StructOutput: true,
		since: pyspark.V41, groups: groupings{{pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 216, Name: "SQL_GROUPED_MAP_PANDAS_ITER_UDF", Family: GroupedMap,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true, StructOutput: true,
		since: pyspark.V41, groups: groupings{{pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 217, Name: "SQL_GROUPED_AGG_PANDAS_ITER_UDF", Family: GroupedAggregate,
		Framing: Arrow, Sight: SeesPandas, SingleChain: true,
		since: pyspark.V42, groups: groupings{{pyspark.V42, StreamPerGroup}},
	},
	{
		ID: 250, Name: "SQL_SCALAR_ARROW_UDF", Family: ArrowEval,
		Framing: Arrow, Sight: SeesArrow, Keywords: true,
		since: pyspark.V41, keywordFlag: pyspark.V41,
	},
	{
		ID: 251, Name: "SQL_SCALAR_ARROW_ITER_UDF", Family: ArrowEval,
		Framing: Arrow, Sight: SeesArrow, SingleChain: true,
		since: pyspark.V41, keywordFlag: pyspark.V41,
	},
	{
		ID: 252, Name: "SQL_GROUPED_AGG_ARROW_UDF", Family: GroupedAggregate,
		Framing: Arrow, Sight: SeesArrow, Keywords: true,
		since: pyspark.V41, keywordFlag: pyspark.V41, groups: groupings{{pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 253, Name: "SQL_WINDOW_AGG_ARROW_UDF", Family: WindowAggregate,
		Framing: Arrow, Sight: SeesArrow, Keywords: true,
		since: pyspark.V41, keywordFlag: pyspark.V41, groups: groupings{{pyspark.V41, StreamPerGroup}},
	},
	{
		ID: 254, Name: "SQL_GROUPED_AGG_ARROW_ITER_UDF", Family: GroupedAggregate,
		Framing: Arrow, Sight: SeesArrow, SingleChain: true,
		since: pyspark.V42, groups: groupings{{pyspark.V42, StreamPerGroup}},
	},
	{
		ID: 300, Name: "SQL_TABLE_UDF", Family: TableFunctionEval,
		SingleChain: true, Keywords: true,
		keywordFlag: pyspark.V40,
	},
	{
		ID: 301, Name: "SQL_ARROW_TABLE_UDF", Family: TableFunctionEval,
		Framing: Arrow, Sight: SeesObjects, SingleChain: true, StructOutput: true, Keywords: true, InputType: true,
		keywordFlag: pyspark.V40,
	},
	{
		ID: 302, Name: "SQL_ARROW_UDTF", Family: TableFunctionEval,
		Framing: Arrow, Sight: SeesArrow, SingleChain: true, StructOutput: true, Keywords: true, TableArguments: true,
		since: pyspark.V41, keywordFlag: pyspark.V41,
	},
}
