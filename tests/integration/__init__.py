"""What a deployed stack shows of the requirements, read through the ordinary APIs of AWS, and changed by nobody."""
