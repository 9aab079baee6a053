-- Programs vote by their outputs and are judged by themselves: members of one class may differ in verdict.

ALTER TABLE answers ADD COLUMN class VARCHAR; -- class in a vote where it is another than the canonical form; '': has no vote; NULL: the canonical form
