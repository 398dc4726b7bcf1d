"""The report as one self-contained page: summary, filters, matrices, evidence, latency.

The page is a template, a stylesheet and a script (`harness/reporting/assets/`), and one island of JSON. What a run
says reaches the page only as that data, and the script puts it there only as text: it is never
markup. A content security policy admits exactly the script and the style of this package, so that
even markup that found its way in could not run. Nothing is fetched from anywhere.
"""

from harness.reporting.html.report import render

__all__ = ["render"]
