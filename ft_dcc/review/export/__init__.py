"""Writers of feedback in the formats of other programs; they know no server and no session."""
