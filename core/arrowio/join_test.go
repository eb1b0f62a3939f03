package arrowio_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/hostmem"
)

// passing passes a stream's batches to an encoder, and spoils their memory once each was used.
var passing = map[string]func(t *testing.T, stream []byte, opt arrowio.EncoderOptions,
	loaded func(e *arrowio.Encoder, rows int64)){
	"arrays": func(t *testing.T, stream []byte, opt arrowio.EncoderOptions, loaded func(*arrowio.Encoder, int64)) {
		b := newBlocks()
		d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
		found := arrays(t, d, stream)
		d.Close()
		e, err := arrowio.NewEncoder(throughC(t, d.Schema(), b), opt)
		require.NoError(t, err)
		for _, a := range found {
			require.NoError(t, e.Load(a))
			loaded(e, a.Length)
			release(a)
			for block, size := range b.made {
				if atomic.LoadInt64((*int64)(block)) == 1 {
					spoil(hostmem.Bytes(block, 0, size))
				}
			}
		}
		b.requireReleased(t)
		if len(found) == 0 {
			loaded(e, 0)
		}
	},
	"batches": func(t *testing.T, stream []byte, opt arrowio.EncoderOptions, loaded func(*arrowio.Encoder, int64)) {
		d := arrowio.NewDecoder(arrowio.DecoderOptions{})
		var e *arrowio.Encoder
		encoder := func() *arrowio.Encoder {
			if e == nil {
				var err error
				e, err = arrowio.NewEncoder(d.Schema(), opt)
				require.NoError(t, err)
			}
			return e
		}
		in := &arrowtest.Bytes{Left: stream}
		var body []byte // the last that was taken
		take := func(n int64) (_ []byte, err error) {
			body, err = in.Take(n)
			return body, err
		}
		err := run(d, take, func(step arrowio.Step, batch *arrowio.Batch) error {
			require.NoError(t, encoder().LoadBatch(batch))
			if step.Kind == arrowio.StepBatch {
				loaded(e, batch.Length())
			} else {
				assert.Nil(t, e.Loaded(), "after a dictionary")
			}
			spoil(body)
			return nil
		})
		require.NoError(t, err)
		if e == nil {
			loaded(encoder(), 0)
		}
	},
}

func spoil(memory []byte) {
	for i := range memory {
		memory[i] = 0xA5
	}
}

// TestJoined has pyarrow compare batches that are joined of slices with its own joining of these, for every type.
// Between them are slices that were not appended, and empty groups.
func TestJoined(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	files := map[string][]byte{}
	var groups int
	for name, stream := range all {
		for way, pass := range passing {
			for round := range 3 {
				random := rand.New(rand.NewPCG(uint64(round), 1))
				var q queue
				group, done := [][3]int64{}, [][][3]int64{}
				flush := func(e *arrowio.Encoder) {
					messages, err := e.Joined()
					require.NoError(t, err, "%s %s", name, way)
					q.add(messages...)
					done, group = append(done, group), [][3]int64{}
				}
				var last *arrowio.Encoder
				batch := int64(0)
				pass(t, stream, arrowio.EncoderOptions{}, func(e *arrowio.Encoder, rows int64) {
					if last = e; len(q.segments) == 0 {
						q.segments = append(q.segments, e.Start())
					}
					for from := int64(0); from < rows; {
						to := min(rows, from+1+random.Int64N(rows))
						switch random.IntN(4) {
						case 0: // It is left out.
						case 1:
							// What was appended goes on with it, as a group that begins in the batch before does.
							if len(group) == 0 {
								messages, err := e.Slice(from, to)
								require.NoError(t, err)
								var sent bytes.Buffer
								write(&sent, messages...)
								q.segments = append(q.segments, sent.Bytes())
								done = append(done, [][3]int64{{batch, from, to}})
								break
							}
							fallthrough
						default:
							before := e.Appended()
							require.NoError(t, e.Append(from, to))
							require.Equal(t, before+to-from, e.Appended())
							group = append(group, [3]int64{batch, from, to})
						}
						from = to
						if random.IntN(4) == 0 {
							flush(e)
						}
					}
					batch++
				})
				flush(last)
				flush(last)
				require.Zero(t, last.Appended())
				q.segments = append(q.segments, arrowio.EndOfStream)
				file := fmt.Sprintf("%s@%s %d", name, way, round)
				files[file+".arrows"] = q.bytes()
				list, err := json.Marshal(done)
				require.NoError(t, err)
				files[file+".json"] = list
				groups += len(done)
			}
		}
	}
	assert.Equal(t, groups, compareFiles(t, "joined", files))
}

// TestJoinedInStructs joins rows into the struct column that map functions take.
func TestJoinedInStructs(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	for _, name := range []string{"struct of struct", "dictionaries replaced", "all columns"} {
		content, err := arrowtest.Read(all[name], false)
		require.NoError(t, err)
		var want [][]any
		for _, rows := range content.Rows() {
			want = append(want, rows...)
		}
		content.Release()
		for way, pass := range passing {
			var q queue
			var last *arrowio.Encoder
			pass(t, all[name], arrowio.EncoderOptions{WrapStruct: true}, func(e *arrowio.Encoder, rows int64) {
				require.NoError(t, e.Append(0, rows/2))
				require.NoError(t, e.Append(rows/2, rows))
				last = e
			})
			messages, err := last.Joined()
			require.NoError(t, err)
			q.segments = append(q.segments, last.Start())
			q.add(messages...)
			got, err := arrowtest.Read(q.bytes(), true)
			require.NoError(t, err)
			assert.Equal(t, [][][]any{want}, got.Rows(), "%s %s", name, way)
			got.Release()
		}
	}
}
