package chat

// heights are the heights of rows, with their sums in logarithmic time: a Fenwick tree. The zero value has no rows.
type heights struct {
	of   []float64 // of each row
	tree []float64 // tree[i] is the sum of the rows that end at i and are as many as i's lowest bit, counting from 1
}

func (h *heights) append(height float64) {
	h.of = append(h.of, height)
	if len(h.tree) == 0 {
		h.tree = append(h.tree, 0)
	}
	i := len(h.of)
	h.tree = append(h.tree, height+h.top(i-1)-h.top(i-i&-i))
}

func (h *heights) set(i int, height float64) {
	delta := height - h.of[i]
	h.of[i] = height
	for i++; i < len(h.tree); i += i & -i {
		h.tree[i] += delta
	}
}

// top is where row i begins: the sum of all rows before it.
func (h *heights) top(i int) float64 {
	sum := 0.0
	for ; i > 0; i -= i & -i {
		sum += h.tree[i]
	}
	return sum
}

func (h *heights) total() float64 { return h.top(len(h.of)) }

// at is the row that y lies in, the first or the last where y lies outside.
func (h *heights) at(y float64) int {
	step := 1
	for step<<1 < len(h.tree) {
		step <<= 1
	}
	i := 0
	for ; step > 0; step >>= 1 {
		if next := i + step; next < len(h.tree) && h.tree[next] <= y {
			i = next
			y -= h.tree[next]
		}
	}
	return max(0, min(i, len(h.of)-1))
}
