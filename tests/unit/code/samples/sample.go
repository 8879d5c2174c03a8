// Package p does things.
package p
import "fmt"
// S is a struct.
type S struct {
	// A is a
	A int
	b, c string // b
}
type (
 // I is
 I interface { M(x int) error }
 Al = int
)
// F returns x.
func F(a int) error { return nil }
// M does.
func (s *S) M(x int) error { return nil }
const ( K = 1; L = 2 )
var V = 3
