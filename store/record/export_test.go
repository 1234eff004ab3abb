package record

// Rewritten is what a record says of itself when it is written and read again.
func (r *Record) Rewritten() (Record, error) { return Decode(r.Append(nil)) }

// Tombstones is how many identities the record remembers.
func (r *Record) Tombstones() int { return len(r.tombs) / tombSize }

// Live is how many permits it has.
func (r *Record) Live() int {
	n := 0
	for i := range r.sections {
		n += len(r.sections[i].entries)
	}
	return n
}
