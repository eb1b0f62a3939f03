package hostcall

import (
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

// What a host says of its records is looked at before anything is made of it.
func TestLyingRecords(t *testing.T) {
	data := []byte("abc")
	offsets := []uint64{0, 1, 0}
	at := unsafe.Pointer(unsafe.SliceData(data))
	for name, test := range map[string]struct {
		record record
		want   string
	}{
		"size beyond int64": {record{data: at, size: 1 << 63}, "9223372036854775808 bytes"},
		"size of all bits":  {record{data: at, size: math.MaxUint64}, "18446744073709551615 bytes"},
		"records in huge size": {record{data: at, size: math.MaxUint64, n: math.MaxUint64, offsets: &offsets[0]},
			"bytes"},
		"more records than are": {record{data: at, size: 1 << 40, n: 1 << 40, offsets: &offsets[0]},
			"record 1 at bytes 1 to 0 of"},
		"more records than size": {record{data: at, size: 3, n: 4, offsets: &offsets[0]}, "4 records in 3 bytes"},
	} {
		_, err := test.record.split()
		require.Error(t, err, name)
		assert.Equal(t, status.Host, status.CodeOf(err), name)
		assert.Contains(t, err.Error(), test.want, name)
	}
}
