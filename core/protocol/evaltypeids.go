package protocol

// Eval types by name; made from their table.
// generated: eval types
const (
	NonUDF                                     int32 = 0
	SQLBatchedUDF                              int32 = 100
	SQLArrowBatchedUDF                         int32 = 101
	SQLScalarPandasUDF                         int32 = 200
	SQLGroupedMapPandasUDF                     int32 = 201
	SQLGroupedAggPandasUDF                     int32 = 202
	SQLWindowAggPandasUDF                      int32 = 203
	SQLScalarPandasIterUDF                     int32 = 204
	SQLMapPandasIterUDF                        int32 = 205
	SQLCogroupedMapPandasUDF                   int32 = 206
	SQLMapArrowIterUDF                         int32 = 207
	SQLGroupedMapPandasUDFWithState            int32 = 208
	SQLGroupedMapArrowUDF                      int32 = 209
	SQLCogroupedMapArrowUDF                    int32 = 210
	SQLTransformWithStatePandasUDF             int32 = 211
	SQLTransformWithStatePandasInitStateUDF    int32 = 212
	SQLTransformWithStatePythonRowUDF          int32 = 213
	SQLTransformWithStatePythonRowInitStateUDF int32 = 214
	SQLGroupedMapArrowIterUDF                  int32 = 215
	SQLGroupedMapPandasIterUDF                 int32 = 216
	SQLGroupedAggPandasIterUDF                 int32 = 217
	SQLScalarArrowUDF                          int32 = 250
	SQLScalarArrowIterUDF                      int32 = 251
	SQLGroupedAggArrowUDF                      int32 = 252
	SQLWindowAggArrowUDF                       int32 = 253
	SQLGroupedAggArrowIterUDF                  int32 = 254
	SQLTableUDF                                int32 = 300
	SQLArrowTableUDF                           int32 = 301
	SQLArrowUDTF                               int32 = 302
)

// generated: end
