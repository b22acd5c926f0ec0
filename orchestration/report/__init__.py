"""The pages that people open on Monday: self-contained HTML from the published tables.

`pages.py` builds them, `queries.py` reads the release, `render.py` has what templates may call, and `workbook.py`
writes the Excel files of lists. Texts, queries and layout are in `reports/`: a template and a file of queries a page.
"""
