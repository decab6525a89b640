"""One contract for every cell: what is here is derived from the table `keraseq.cells.CELLS`."""
