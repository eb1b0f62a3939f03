package arrowio_test

import (
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"udfrunner/core/arrowio"
)

func TestZZ(t *testing.T) {
	var corpus [][]byte
	all, _ := streams(t)
	for _, s := range all {
		if len(s) < 16<<10 {
			corpus = append(corpus, s)
		}
	}
	for _, dir := range []string{"/root/.cache/go-build/fuzz/udfrunner/core/arrowio/FuzzDecoder/*", "/tmp/aio/crash/*"} {
		files, _ := filepath.Glob(dir)
		for _, f := range files {
			text, _ := os.ReadFile(f)
			q := strings.SplitN(string(text), "\n", 3)[1]
			q = strings.TrimSuffix(strings.TrimPrefix(q, "[]byte("), ")")
			s, err := strconv.Unquote(q)
			if err != nil {
				t.Fatal(err)
			}
			corpus = append(corpus, []byte(s))
		}
	}
	r := rand.New(rand.NewSource(time.Now().UnixNano()))
	end := time.Now().Add(100 * time.Second)
	n := 0
	for time.Now().Before(end) {
		s := append([]byte{}, corpus[r.Intn(len(corpus))]...)
		for range 1 + r.Intn(6) {
			i := r.Intn(len(s))
			switch r.Intn(5) {
			case 0:
				s[i] = byte(r.Intn(256))
			case 1:
				s[i] ^= 1 << r.Intn(8)
			case 2:
				s[i] = byte(r.Intn(5))
			case 3:
				j := r.Intn(len(s))
				k := min(1+r.Intn(16), len(s)-i, len(s)-j)
				copy(s[i:i+k], s[j:j+k])
			case 4:
				s[i] = 255
			}
		}
		os.WriteFile("/dev/shm/last", s, 0o600)
		start := time.Now()
		for _, messages := range []bool{false, true} {
			b := newBlocks()
			d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions, Messages: messages})
			_ = feed(d, s, func(step arrowio.Step, _ *arrowio.Batch) error {
				if messages {
					block, _, err := d.Take()
					b.Release(block)
					return err
				}
				if step.Kind == arrowio.StepBatch {
					encodeAgain(t, d, b)
				}
				return nil
			})
			d.Close()
			b.requireReleased(t)
		}
		if took := time.Since(start); took > 200*time.Millisecond {
			t.Log("slow", took, len(s))
			os.WriteFile("/tmp/aio/slow"+strconv.Itoa(n), s, 0o600)
		}
		n++
	}
	t.Log(n)
}
