"""Every row of every log as a table, for questions that no rule asks: ``exhume hunt``.

``build``: evidence → one table for each kind of record, as Parquet files. ``ask``: SQL over them. ``questions``: five of them,
ready made. Needs DuckDB (``pip install exhume[hunt]``).
"""
