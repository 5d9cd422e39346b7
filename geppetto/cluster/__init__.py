"""A batch on more than one machine: dask.distributed hands shards of it to workers; see docs/cluster.md."""
