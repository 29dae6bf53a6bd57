"""Problems whose A is read in row blocks: time, reads, and memory beyond A.

`cases` says what is measured, `data` writes the file, `floors` reads it plainly, `memory` and `worker` measure in
processes of their own, `running` starts them.
"""

from proofs_check.bench.streams.cases import StreamCase, stream_plan
from proofs_check.bench.streams.data import check_folder
from proofs_check.bench.streams.running import measure_streams

__all__ = ["StreamCase", "check_folder", "measure_streams", "stream_plan"]
