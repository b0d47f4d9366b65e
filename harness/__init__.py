"""The harness: lays out labs, deploys contenders, creates demand, and turns what happened into results and reports."""
