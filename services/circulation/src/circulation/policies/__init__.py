"""Which policy applies: rules over patron group, material, loan type and place."""
