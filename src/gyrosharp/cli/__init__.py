"""The command line: a parser that starts fast, and one worker file per verb."""
